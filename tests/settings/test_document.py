from tradepipe.paths import source_checkout
from tradepipe.settings.document import configuration_markdown


def test_the_page_of_all_keys_is_current():
    written = (source_checkout() / "docs" / "configuration.md").read_text()
    assert written == configuration_markdown(), "run `python -m tradepipe.settings.document > docs/configuration.md`"
