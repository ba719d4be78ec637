"""
What is done with a store as a whole, beside the Manager: backup, restore, migration, examination.

All of it blocks, in a process that does nothing else. What a store holds travels as `records`, which no kind of store
has a say in; `embedded` and `mongo` read and write them, `neutral_file` keeps them.
"""
