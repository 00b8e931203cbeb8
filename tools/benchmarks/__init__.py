"""What the protections cost, measured side by side with what they are compared to.

It is needed after a change of what each request or each login passes.

Timings differ from machine to machine, ratios within one run hardly: so the claims
are about ratios. No test depends on them.
"""
