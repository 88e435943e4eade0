"""The clouds' queues: the broker that keeps messages, and the APIs of CKafka and SMQ for it."""
