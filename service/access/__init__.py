"""Who may do what: tokens say who asks, roles say what a role may do, the endpoint table says what is
needed."""
