import numpy as np
import numpy.typing as npt

def through(block: npt.NDArray[np.float64], row: int, side: int, price: float) -> tuple[float, bool]: ...
