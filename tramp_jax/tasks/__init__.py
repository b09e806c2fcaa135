"""The task table, the schedule, and one file per task."""
