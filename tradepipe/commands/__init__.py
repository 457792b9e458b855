"""What the command line does, a module a command. They print through a rich console they are given."""
