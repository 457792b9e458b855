import hashlib

from tradepipe.ingest import scan


def test_scan_describes_files_in_name_order(tmp_path):
    for name in ("b/2.csv", "b/1.csv", "a.csv", "b/note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.csv").mkdir()
    found = scan(tmp_path, "**/*.csv")
    assert [file.name for file in found] == ["a.csv", "b/1.csv", "b/2.csv"]
    assert found[1].sha256 == hashlib.sha256(b"b/1.csv").hexdigest()
    assert found[1].size == 7
    assert found[1].path == tmp_path / "b" / "1.csv"
    assert [file.name for file in scan(tmp_path, "b/*.csv")] == ["b/1.csv", "b/2.csv"]


def test_a_folder_that_is_not_there_holds_no_files(tmp_path):
    assert scan(tmp_path / "nowhere", "*.csv") == []


def test_the_stem_leaves_out_folders_and_endings(tmp_path):
    for name in ("BRK.B.csv", "AAPL.csv.gz"):
        (tmp_path / name).touch()
    assert [file.stem for file in scan(tmp_path, "*")] == ["AAPL", "BRK.B"]
