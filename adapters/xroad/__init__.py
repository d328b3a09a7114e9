"""The node's API behind an X-Road Security Server, from either side.

Made after the published description (X-Road: Message Protocol for REST, PR-REST, nordic-institute/X-Road at
04349e1, MIT). Not yet tried with a real Security Server.
"""
