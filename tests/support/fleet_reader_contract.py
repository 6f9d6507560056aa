"""What every fleet store must show, whatever database it stands on: inherit FleetReaderContract and give it three fixtures.

`store` is an open, empty store that was made an hour before NOW, and `clock` what it asks for the time (move it through `now`);
`fresh_store` is a context manager that gives another store each time.
"""

from support.fleet_store_ending import Ending
from support.fleet_store_listing import Listing, Told
from support.fleet_store_log import Log, Touches, Waiting
from support.fleet_store_naming import Placing, Publishing
from support.fleet_store_outcomes import Telling
from support.fleet_store_pruning import Pruning
from support.fleet_store_replay import Replay


class FleetReaderContract(Log, Touches, Waiting, Pruning, Replay, Listing, Told, Ending, Placing, Publishing, Telling):
    """Everything above."""
