"""What file system a file is on, as far as Linux says it."""

from pathlib import Path

MOUNTS = Path('/proc/self/mountinfo')
SHARED = frozenset(
    '9p afs beegfs ceph cifs coda davfs drvfs fakeowner gfs2 glusterfs lustre ncpfs nfs nfs4 ocfs2 osxfs '
    'prl_fs smb3 smbfs vboxsf virtiofs vmhgfs'.split()
)
"""Network file systems, and those that a virtual machine shares with its host; all of FUSE comes on top."""


def shared_kind(path: str) -> str:
    """Return the kind of the network or shared file system that a file is on, '' for any other or an unknown.

    Args:
        path: of the file, which need not exist yet.
    """
    if not path:  # a database in memory
        return ''
    try:
        lines = MOUNTS.read_text(encoding='utf-8', errors='replace').splitlines()
        file = Path(path).resolve()
    except OSError:  # not on Linux
        return ''
    kind, longest = '', -1
    for line in lines:
        # "36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/root rw" (man 5 proc)
        before, _, after = line.partition(' - ')
        mount = Path(_unescape(before.split(' ')[4]))
        if file.is_relative_to(mount) and len(mount.parts) >= longest:  # of two at one place the later counts
            kind, longest = after.split(' ')[0], len(mount.parts)
    return kind if kind in SHARED or kind.startswith('fuse') else ''


def _unescape(text: str) -> str:
    """Read the four characters that mountinfo writes as octal numbers."""
    for code, character in (('\\040', ' '), ('\\011', '\t'), ('\\012', '\n'), ('\\134', '\\')):
        text = text.replace(code, character)
    return text
