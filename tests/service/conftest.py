"""The service's tests start real servers and kill them: they run where EVENHAND_TEST_SERVICE is set.

They are not part of `make test` yet: on a busy machine some of the kill and race tests still fail.
"""

import os

collect_ignore_glob = [] if os.environ.get("EVENHAND_TEST_SERVICE") else ["test_*.py"]
