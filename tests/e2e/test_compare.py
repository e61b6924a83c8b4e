"""What tests/bench/run does with its figures, and how it sets its servers."""

import json
import os
import pathlib
import xml.etree.ElementTree

import pytest

from compare import plot
from compare.bars import BARS, FIGURES
from compare.report import Report
from compare.stage import ALIKE, Failed, Stage
from harness.redis_server import RedisServer
from harness.wire import ROOT

import redis


def report(*rounds, failed=None):
    return Report(list(rounds), failed or {}, 1.5, {"cpu": "some"}, {"zrbridge": "0.1.0"}, date="2000-01-01")


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path, pathlib.Path(os.environ.get("ZRBRIDGE") or ROOT / "build" / "zrbridge").parent)
    yield stage
    stage.close()


def test_a_bar_is_judged_by_the_median_of_each_rounds_ratio():
    #  Each median alone would make 600 / 1000.
    rounds = [{"stream": 700, "zadd": 1000}, {"stream": 600, "zadd": 800}, {"stream": 300, "zadd": 2000}]
    [(bar, figure)] = report(*rounds).bars()
    assert (bar.what, figure) == ("stream / raw ZADD", 0.7)
    assert bar.is_passed(0.65) and not bar.is_passed(0.64)


def test_a_limit_is_passed_from_below():
    [(bar, figure)] = report({"memory": 160}, {"memory": 166}, {"memory": 170}).bars()
    assert figure == 166 and not bar.is_passed(figure) and bar.is_passed(165)


def test_what_failed_makes_no_run_good():
    good = {"stream": 700, "zadd": 1000}
    assert report(good).is_good
    assert not report(good, failed={"queue": "why"}).is_good
    assert "no figure: queue: why" in report(good, failed={"queue": "why"}).text()
    assert not report({**good, "stream": 1}).is_good


def test_all_forms_hold_all_figures():
    everything = report({name: 1000.0 + index for index, name in enumerate(FIGURES)} | {
        need: 1.0 for bar in BARS for need in bar.needs if need not in FIGURES})
    assert len(everything.bars()) == len(BARS)
    told = json.loads(json.dumps(everything.json()))
    assert [row["name"] for row in told["figures"]] == list(FIGURES) and len(told["bars"]) == len(BARS)
    text, markdown = everything.text(), everything.markdown([("Rates", "rates.svg")])
    for wanted in [title for _, title in FIGURES.values()] + [bar.what for bar in BARS]:
        assert wanted in text and wanted in markdown
    rates = xml.etree.ElementTree.fromstring(plot.rates(everything))
    shown = {element.text for element in rates.iter() if element.text}
    assert {FIGURES["stream_packed"][1], FIGURES["beanstalkd"][1]} <= shown
    xml.etree.ElementTree.fromstring(plot.latencies(everything))


def test_plots_of_nothing_are_plots():
    for draw in (plot.rates, plot.latencies):
        xml.etree.ElementTree.fromstring(draw(report({})))


def test_the_peers_redis_is_set_as_the_bridges_own(stage, tmp_path):
    def settings(path):
        config = redis.Redis(unix_socket_path=str(path), decode_responses=True).config_get("*")
        return {key: config[key] for key in ALIKE}

    with stage.bridge() as bridge:
        own = settings(bridge.data_dir / "redis.sock")
    with stage.redis() as path:
        assert settings(path) == own
    plain = RedisServer(tmp_path / "plain")
    plain.start()
    try:
        assert settings(plain.path) != own
    finally:
        plain.stop()
    assert [child.name for child in tmp_path.iterdir()] == ["plain"]


def test_the_peers_bring_all_their_messages(stage):
    assert stage.peer("zeromq", "stream", 1000)["messages_per_s"] > 0
    assert stage.peer("zeromq", "round", 100)["p50_us"] > 0
    for name, mode in (("zadd", "stream"), ("zadd", "round"), ("streams", "read"), ("streams", "group"),
                       ("script", "stream")):
        with stage.redis() as path:
            assert stage.peer(name, path, mode, 2000)["messages"] >= 2000


def test_a_peer_without_its_server_has_no_figure_but_a_reason(stage, tmp_path):
    with pytest.raises(Failed, match="no beanstalkd at"):
        stage.peer("beanstalkd", tmp_path / "none", "stream", 100)


def test_a_bench_that_fails_has_no_figure_but_a_reason(stage):
    with stage.bridge() as bridge:
        assert stage.bench(bridge, "stream", "-n", 100)["through"] == 100
        with pytest.raises(Failed, match="--dance"):
            stage.bench(bridge, "stream", "--dance")
