"""What can be asked, as SQL, and what is cached of the answers."""
