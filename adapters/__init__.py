"""Systems that agencies already have, each a process of its own that enters by `service.client`."""
