operator-nav-overview = Overview
operator-overview-heading = How this node is doing
