"""QuickBooks' rate limit: what may be called when. For the client of QuickBooks and the store.

`quotas` has the published limits, `learned_limit` those that the service was found to have; `pace`
decides by both when a call may begin, and `limiter` lets it wait for its permit.
"""
