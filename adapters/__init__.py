"""Systems that agencies already have, each as a process of its own that enters by `service.client`. None yet."""
