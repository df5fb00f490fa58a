"""A Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...domain.errors import MissingExtra, ShotsmithError, Unavailable
from .base import In, Out


class Ray:
    """Tasks on a Ray cluster; each takes one core.

    Args:
        width: Tasks at the same time; by default one a core of the cluster.
        address: Of the cluster; by default RAY_ADDRESS, else a cluster on this machine, started and stopped with it.

    Raises:
        MissingExtra: Ray is not installed.
        Unavailable: The cluster cannot be reached.
    """

    elsewhere = True

    def __init__(self, width: int | None = None, *, address: str | None = None) -> None:
        self._ray = _ray()
        self._mine = not self._ray.is_initialized()
        if self._mine:
            options: dict[str, Any] = {"address": address} if address else {"num_cpus": width}
            try:
                self._ray.init(
                    **options, include_dashboard=False, log_to_driver=False, configure_logging=False
                )
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise Unavailable(
                    f"the Ray cluster cannot be reached: {' '.join(str(error).split())}",
                    field="ray_address",
                    value=address,
                    mend="Check that it runs, or leave the address out for one on this machine",
                ) from None
        self.width = width or max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    @property
    def nodes(self) -> int:
        """Machines of the cluster."""
        return sum(bool(node["Alive"]) for node in self._ray.nodes())

    def map(self, work: Callable[[In], Out], jobs: Sequence[In]) -> Iterator[Out]:
        """The results as they come. Raises what a job raises, or Unavailable when a worker died."""
        task = self._ray.remote(num_cpus=1, max_retries=0)(work)
        running = [task.remote(job) for job in jobs]
        try:
            while running:
                done, running = self._ray.wait(running)
                yield self._ray.get(done[0])
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ShotsmithError):
                raise error.cause from None
            raise
        except self._ray.exceptions.RayError as error:
            raise Unavailable(
                f"a Ray worker was lost: {' '.join(str(error).split())[:300]}",
                field="executor",
                value="ray",
                mend="Run it again: it goes on where it was",
            ) from None
        finally:
            for one in running:
                self._ray.cancel(one, force=False)
            if self._mine:
                self._ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise MissingExtra(
            "Ray is not installed", field="executor", value="ray", mend="pip install 'shotsmith[ray]'"
        ) from None
    return ray
