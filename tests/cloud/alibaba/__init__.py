"""Alibaba Cloud: its gateways (RPC and REST, ACS3), and one file a service."""
