"""The door for programs: two addresses that back up and restore over HTTP."""
