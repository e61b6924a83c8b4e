"""What Prometheus and Grafana are set to ask, held against what the bridge tells."""

import json
import re

import pytest
from harness.bridge import PACK
from harness.wait import eventually
from harness.wire import ROOT

pytestmark = pytest.mark.skipif(PACK > 1, reason="metrics are the same")
FOLDER = ROOT / "deploy/monitoring"


def _metrics_in(text):
    """Those of a histogram by the name of the whole."""
    return {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"\bzrb_[a-z_]+", text)}


@pytest.fixture(scope="module")
def told(shared_lab):
    """{metric: {label}} of a bridge that has a group."""
    bridge = shared_lab.bridge()
    client = bridge.client()
    client.publish("jobs", b"work")
    client.ok(op="take", channels=["jobs"])
    eventually(lambda: "zrb_group_waiting_messages{" in bridge.get("/metrics")[2], "metrics of the group")
    text = bridge.get("/metrics")[2]
    labels = {name: set() for name in re.findall(r"^# TYPE (\S+)", text, re.M)}
    for name, pairs in re.findall(r"^(\w+)\{(.*)\} ", text, re.M):
        labels.get(name, set()).update(re.findall(r'(\w+)="', pairs))
    return labels


def test_every_metric_that_is_asked_for_is_told(told):
    for name in ("zrbridge.json", "alerts.yml"):
        asked = _metrics_in((FOLDER / name).read_text(encoding="utf-8"))
        assert asked and asked <= set(told), (name, asked - set(told))


def test_every_label_that_is_asked_for_is_told(told):
    #  What Prometheus adds, and the bucket of a histogram.
    known = set().union(*told.values()) | {"instance", "job", "le"}
    for name in ("zrbridge.json", "alerts.yml"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        asked = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", text))))
        assert asked and asked <= known, (name, asked - known)


def test_every_panel_of_the_dashboard_asks_something():
    panels = json.loads((FOLDER / "zrbridge.json").read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"] and all(target["expr"] for target in panel["targets"])
        assert panel["targets"]


def test_every_alert_says_what_to_do():
    alerts = re.findall(r"^ *- alert: (\S+)$", (FOLDER / "alerts.yml").read_text(encoding="utf-8"), re.M)
    handbook = (ROOT / "deploy/README.md").read_text(encoding="utf-8")
    assert alerts and not [name for name in alerts if f"`{name}`" not in handbook]
