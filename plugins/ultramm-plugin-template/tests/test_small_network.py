import numpy as np
from ultramm_plugin_template.estimator import SmallNetwork


def test_it_learns_and_its_numbers_are_it() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2_000, 3))
    y = 5.0 * np.tanh(x[:, 0]) + rng.normal(size=2_000)
    fitted = SmallNetwork().fit(x, y, np.ones(2_000), intercept=False, seed=1)
    told = fitted.predict(x)
    assert np.corrcoef(told, y)[0, 1] > 0.9
    numbers = fitted.exported()
    numbers.check()
    predict = numbers.compile()
    assert max(abs(predict(row) - one) for row, one in zip(x.tolist(), told.tolist(), strict=True)) < 1e-9
