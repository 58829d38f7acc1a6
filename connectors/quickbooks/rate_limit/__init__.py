"""QuickBooks' rate limit: what may be called when. For the client of QuickBooks and the store.

`quotas` has the published limits, `level` what the service was found to take; `pace` decides by
both when a call may begin, and `limiter` lets it wait for its permit.
"""
