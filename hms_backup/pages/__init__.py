"""The pages for people: mounted in the admin, and wherever a project includes their addresses."""
