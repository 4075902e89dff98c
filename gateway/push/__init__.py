"""customhttp notifications: claims due deliveries, posts them, records what came of it (spec/push.md 3, 10).

`worker.PushWorker` is made and started by `services`. Delivery is at least once: a process that dies
between the POST and its record leaves a lease that runs out, and the row is sent again with the same
`webhook-id`.
"""
