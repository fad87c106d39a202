"""Calls the warehouse at the URI that examples/warehouse_server.rs printed: python warehouse_client.py URI"""

import sys

from Pyro5.api import Proxy

with Proxy(sys.argv[1]) as warehouse:
    print(warehouse.list())
    print(warehouse.take("chair", 2), "chairs left")
    try:
        warehouse.take("table", 3)
    except ValueError as error:
        print("ValueError:", error)
