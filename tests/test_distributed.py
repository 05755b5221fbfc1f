from concurrent.futures import ThreadPoolExecutor

import pytest
import torch.distributed as dist
from ballgan_train import distributed
from ballgan_train.distributed import own_part_of


def test_an_attempt_has_its_own_part_of_the_store() -> None:
    store = dist.HashStore()
    for attempt in range(3):  # with what the earlier ones left behind
        with ThreadPoolExecutor(3) as pool:
            parts = list(pool.map(lambda rank: own_part_of(store, rank, 3), (2, 1, 0)))
        for part in parts:
            assert not part.check(["key"])
        parts[0].set("key", str(attempt))
        assert [part.get("key").decode() for part in parts] == [str(attempt)] * 3


def test_a_process_that_does_not_come_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "PATIENCE", distributed.timedelta(seconds=0.1))
    with pytest.raises(TimeoutError, match=r"Of 2 processes, 1 did not join: \{1\}"):
        own_part_of(dist.HashStore(), 0, 2)
