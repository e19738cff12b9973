"""Kernels of a nursery, as what runs notebooks handles them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from jupyter_client.provisioning import LocalProvisioner

if TYPE_CHECKING:
    from jupyter_client import AsyncKernelManager

    from workbench.report.nursery import Nursery

PATIENT = 50     # looks at whether a kernel has ended


class Forked:
    """A forked kernel, with what is used of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, nursery: Nursery) -> None:
        self.pid, self._nursery, self._code = pid, nursery, None

    def poll(self) -> int | None:
        """What it ended with, minus a signal's number where one ended it; None while it lives."""
        if self._code is None:
            self._code = self._nursery.ask(ended=self.pid)
        return self._code

    def wait(self) -> int | None:
        """As `poll`, of a kernel that has ended."""
        return self.poll()

    def send_signal(self, number: int) -> None:
        """A signal to it alone; none to what has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursed(LocalProvisioner):
    """What starts and ends one kernel of a nursery; where it has none, one in a process of its own."""

    def __init__(self, kernel: AsyncKernelManager, nursery: Nursery) -> None:
        super().__init__(kernel_id="", kernel_spec=kernel.kernel_spec, parent=kernel)
        self._nursery = nursery

    async def launch_kernel(self, cmd: list[str], **options: Any) -> dict[str, Any]:
        """The kernel that `cmd` would start."""
        pid = self._nursery.ask(argv=cmd[cmd.index("-f"):], cwd=options["cwd"], env=options["env"], log=options["stderr"].name)
        if not pid:
            return await super().launch_kernel(cmd, **options)
        self.process, self.pid, self.pgid = Forked(pid, self._nursery), pid, pid
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """End it. What asks next whether it has ended would ask again only a tenth of a second later."""
        await super().kill(restart=restart)
        for _ in range(PATIENT):
            if await self.poll() is not None:
                break
            await asyncio.sleep(0.002)
