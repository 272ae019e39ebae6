"""How often one client may do what costs something: numbers for a real shop, which a benchmark changes."""

# A clinic's whole waiting room may share one address; a machine that tries cards needs thousands. Browsers
# that brought back our cookie have a limit of their own, which machines without one cannot use up.
STARTS = {'per_client': '30/minute', 'per_network': '40/minute', 'overall': '120/minute', 'known': '4/second'}
# Of sessions that we do not know.
LOOKUPS = {
    'per_client': '10/minute',
    'per_network': '20/minute',
    'overall': '120/minute',
    'known': '2/second',
}

# Of links by mail; a person needs one.
FINDS = {'per_client': '6/minute', 'per_network': '12/minute', 'overall': '60/minute', 'known': '1/second'}
FINDS_PER_ADDRESS = '3/hour'
