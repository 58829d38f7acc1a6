"""Attack: another user of this machine plants a key, or the folder of the page."""

import os
from types import SimpleNamespace

import pytest

from connectors.encryption import keys_from_file
from connectors.errors import AskPerson
from flows.operations.home import _kept, opened_home

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@only_root
@pytest.mark.parametrize("read", [keys_from_file, lambda path: _kept(path, lambda: "unused")])
def test_a_key_of_another_user_is_refused(tmp_path, read):
    """Its owner knows it, even where the mode lets nobody else read it."""
    path = tmp_path / "planted.key"
    path.write_text("a planted key of many characters")
    path.chmod(0o600)
    os.chown(path, 65534, 65534)

    with pytest.raises(AskPerson, match="belongs to another user"):
        read(path)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o722])
def test_a_folder_that_others_can_write_in_is_refused(tmp_path, mode):
    """They could have put pages, a database or a password there."""
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect").chmod(mode)

    with (
        pytest.raises(AskPerson, match="chmod 700"),
        opened_home(SimpleNamespace(folder=tmp_path)),
    ):
        pass


def test_a_folder_that_others_can_enter_is_shut(tmp_path):
    """It is the user's own, so nobody has to be asked."""
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect").chmod(0o755)

    with opened_home(SimpleNamespace(folder=tmp_path)) as home:
        assert home.folder.stat().st_mode & 0o777 == 0o700
