"""The clouds' queues: the broker that holds messages, and the APIs of CKafka and SMQ over it."""
