"""
The LVS side: the persistent virtual services that the marks of a set lead to.
"""
