"""
One module a verb: functions of configuration, doors and arguments that return an `Outcome`.
"""
