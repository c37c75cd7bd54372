"""Debian's Chromium, driven over WebDriver, and how a page is seen in it: its width, its colours, without scripts."""

from __future__ import annotations

import functools
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.wait import WebDriverWait

from tests.console.served import DEADLINE
from tests.needs import program

PHONE: Final = 390
"""Pixels across, of a common phone."""
DESKTOP: Final = 1280
_LOG: Final = "goog:loggingPrefs"
_SERIOUS: Final = {"serious", "critical"}
_ARGUMENTS: Final = (
    "--headless=new", "--no-sandbox", "--no-first-run", "--disable-dev-shm-usage",
    # A tenth of its processor time is for a process that draws, and for what no page here uses.
    "--disable-gpu", "--in-process-gpu", "--disable-software-rasterizer", "--disable-extensions",
    "--disable-component-extensions-with-background-pages", "--disable-component-update",
    "--disable-background-networking", "--disable-features=MediaRouter,OptimizationHints,Translate",
)  # fmt: skip


class Browser:
    """One browser with one tab. *driver* finds and clicks what is on the page."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        """Open *url*; returns once the page is loaded."""
        self.driver.get(url)

    @contextmanager
    def seen(self, width: int, *, dark: bool = False, scripts: bool = True) -> Generator[None]:
        """Pages as a screen of *width* pixels shows them, in a dark or light theme, with or without JavaScript."""
        command = self.driver.execute_cdp_cmd
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width == PHONE}
        command("Emulation.setDeviceMetricsOverride", size)
        command("Emulation.setEmulatedMedia", {"features": scheme})
        command("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        try:
            yield
        finally:
            command("Emulation.setScriptExecutionDisabled", {"value": False})
            command("Emulation.setEmulatedMedia", {"features": []})
            command("Emulation.clearDeviceMetricsOverride", {})

    def begin(self) -> None:
        """Leave the page of an earlier test, which may still ask a server that has ended, and forget its errors."""
        self.open("about:blank")
        self.errors()

    def errors(self) -> Sequence[str]:
        """The browser's log since the last call: errors of scripts, and violations of the policy."""
        found = self.driver.get_log("browser")  # type: ignore[no-untyped-call] # selenium's
        return [entry["message"] for entry in found]

    def overflow(self) -> int:
        """The pixels by which the page is wider than the screen."""
        script = "const e = document.documentElement; return e.scrollWidth - e.clientWidth"
        return int(self.driver.execute_script(script))

    def broken_words(self, selector: str) -> Sequence[str]:
        """The words in what *selector* finds that the page breaks over two lines."""
        script = """
            const found = [];
            for (const each of document.querySelectorAll(arguments[0])) {
              const texts = document.createTreeWalker(each, NodeFilter.SHOW_TEXT);
              while (texts.nextNode()) {
                for (const word of texts.currentNode.data.matchAll(/\\S+/g)) {
                  const range = document.createRange();
                  range.setStart(texts.currentNode, word.index);
                  range.setEnd(texts.currentNode, word.index + word[0].length);
                  if (new Set([...range.getClientRects()].map(box => box.top)).size > 1) found.push(word[0]);
                }
              }
            }
            return found;"""
        found: Sequence[str] = self.driver.execute_script(script, selector)
        return found

    def barriers(self) -> Sequence[str]:
        """The serious faults of accessibility that axe-core finds on this page."""
        self.driver.execute_script(_axe())
        found: Mapping[str, Any] = self.driver.execute_async_script(
            "axe.run({resultTypes: ['violations']}).then(arguments[0])"
        )
        return [
            f"{rule['id']} ({rule['help']}): {json.dumps([node['html'] for node in rule['nodes'][:3]])}"
            for rule in found["violations"]
            if rule["impact"] in _SERIOUS
        ]

    def until_seen(self, text: str, seconds: float = DEADLINE) -> None:
        """Wait until the page has *text*, at most *seconds*."""

        def seen(driver: WebDriver) -> bool:
            with _replaced_pages_ignored():
                return text in driver.find_element(By.TAG_NAME, "body").text
            return False

        self._waiting(seconds).until(seen, f"no {text!r}")

    def texts(self, selector: str) -> Sequence[str]:
        """The texts of what *selector* finds, all of one state of the page."""

        def read(driver: WebDriver) -> tuple[Sequence[str]]:
            return ([each.text for each in driver.find_elements(By.CSS_SELECTOR, selector)],)

        return self._waiting().until(read)[0]

    def click(self, by: str, value: str) -> None:
        """Click the element that is found *by* this *value*."""

        def clicked(driver: WebDriver) -> bool:
            driver.find_element(by, value).click()
            return True

        self._waiting().until(clicked, f"no {value!r}")

    def press(self, text: str) -> None:
        """Click the button *text*."""
        self.click(By.XPATH, f"//button[normalize-space()='{text}']")

    def write(self, by: str, value: str, text: str) -> None:
        """Replace the text of the field that is found *by* this *value* with *text*."""

        def written(driver: WebDriver) -> bool:
            field = driver.find_element(by, value)
            field.clear()
            field.send_keys(text)
            return True

        self._waiting().until(written, f"no {value!r}")

    def _waiting(self, seconds: float = DEADLINE) -> WebDriverWait[WebDriver]:
        """A live page may put something else in the place of an element that was found."""
        gone = (NoSuchElementException, StaleElementReferenceException)
        return WebDriverWait(self.driver, seconds, poll_frequency=0.1, ignored_exceptions=gone)

    def picture(self, file: Path) -> None:
        """Write a PNG of the whole page to *file*."""
        height = self.driver.execute_script("return document.documentElement.scrollHeight")
        width = self.driver.execute_script("return window.innerWidth")
        size = {"width": width, "height": max(int(height), 400), "deviceScaleFactor": 1, "mobile": width == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        file.write_bytes(self.driver.get_screenshot_as_png())


@contextmanager
def _replaced_pages_ignored() -> Generator[None]:
    """A page may be replaced while it is read, for which chromedriver has no error of its own."""
    try:
        yield
    except WebDriverException as error:
        if "unhandled inspector error" not in str(error.msg):
            raise


@contextmanager
def started() -> Generator[Browser]:
    """A browser, which ends with the block."""
    options = ChromeOptions()
    options.binary_location = program("chromium")
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.set_capability(_LOG, {"browser": "ALL"})
    driver = Chrome(options, ChromeService(program("chromedriver")))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@functools.cache
def _axe() -> str:
    return files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
