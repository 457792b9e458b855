"""The nightly maintenance: a broken file fails the run, and keeps no job from its work."""

import datetime as dt

from tests.store.samples import SMALL, small


def test_a_broken_file_keeps_no_job_from_its_work(tmp_path):
    from resources.store import StoreResource
    from sensors.maintenance import maintenance

    resource = StoreResource(
        root=str(tmp_path / "store"),
        catalogue_url=f"sqlite:///{tmp_path / 'c.sqlite'}",
        grace_seconds=0,
        intervals={"lab": "1m"},
    )
    store = resource.open()
    for name in ("first", "second"):
        frames = {f"2024-01-{day:02d}": small(value=float(day)) for day in (2, 3)}
        store.publish(f"lab/{name}", frames, SMALL, code_version="1", inputs={})
    store.publish("lab/bars", {"2024-01-02": small()}, SMALL, code_version="1", inputs={})
    store.publish("lab/kept", {"2024-01": small()}, SMALL, code_version="1", inputs={})
    old = store.catalogue.current("lab/kept")["2024-01"].path
    store.publish("lab/kept", {"2024-01": small(value=2.0)}, SMALL, code_version="1", inputs={})
    (store.root / store.catalogue.current("lab/first")["2024-01-03"].path).write_bytes(b"broken")

    result = maintenance.execute_in_process(resources={"store": resource}, raise_on_error=False)

    assert not result.success
    assert "lab/first 2024-01-03" in str(result.failure_data_for_node("sweep_store"))
    assert len({one.path for one in store.catalogue.current("lab/second").values()}) == 1
    assert [one.partition for one in store.catalogue.evicted("lab/bars")] == ["2024-01-02"]
    assert not (store.root / old).exists()
    assert dt.datetime.now(dt.UTC) > store.catalogue.history("lab/kept", "2024-01")[0].swept_at
