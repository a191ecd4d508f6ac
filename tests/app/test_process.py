from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file(sys.argv[1], default_timeout=60)
page.run()
shown = []
for name in ("home", "add_images", "learn", "teach", "how_many", "jobs", "review", "models", "look"):
    if name != "home":
        page.switch_page(f"screens/{name}.py")
        page.run()
    shown.append(page.title[0].value)
    assert not page.exception
names = ("torch", "torchvision", "lightly", "monai", "timm", "mlflow", "pytorch_lightning")
heavy = [name for name in names if name in sys.modules]
print(json.dumps({"heavy": heavy, "shown": shown}))
"""


def test_the_apps_process_imports_nothing_heavy(furnished) -> None:
    main = Path(__file__).resolve().parents[2] / "app" / "main.py"
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(main)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["heavy"] == []
    assert found["shown"] == [
        "Home",
        "Add images (cohort intake)",
        "Learn (pretrain)",
        "Teach (fine-tune)",
        "How many labels? (study)",
        "Jobs",
        "Review queue",
        "Models",
        "Look (browse)",
    ]
