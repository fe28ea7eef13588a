# SPDX-License-Identifier: ISC
"""Chromium without a window, driven by Debian's chromedriver.

Everything it does is watched: what a page writes to the console and every
request it makes are there to be judged after each test.
"""

import json
import os
import shutil
import tempfile

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

import npm
from stack import until

PATIENCE = 10
# Nothing of its own over the network, and no sandbox for root.
FLAGS = ["--headless=new", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--disable-default-apps", "--disable-dev-shm-usage",
         "--disable-features=OptimizationHints,Translate,MediaRouter",
         "--hide-scrollbars", "--force-device-scale-factor=1",
         "--accept-lang=en-US"]


def axe():
    """The text of axe-core."""
    with open(os.path.join(npm.modules(), "axe-core", "axe.min.js"),
              encoding="utf-8") as f:
        return f.read()


class Chromium:
    def __init__(self, javascript=True, flags=()):
        self.javascript = javascript
        self.profile = tempfile.mkdtemp(prefix="chromium.", dir="/var/tmp")
        options = Options()
        options.binary_location = shutil.which("chromium")
        for flag in [*FLAGS, *flags, f"--user-data-dir={self.profile}"]:
            options.add_argument(flag)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        prefs = {"credentials_enable_service": False}
        if not javascript:
            prefs["profile.managed_default_content_settings.javascript"] = 2
        options.add_experimental_option("prefs", prefs)
        options.set_capability("goog:loggingPrefs",
                               {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(
            options=options, service=Service(shutil.which("chromedriver")))
        self.driver.set_page_load_timeout(PATIENCE)
        self.url = None

    def stop(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    # How it looks. ----------------------------------------------------------

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def resize(self, width, height=800):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width,
                 height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, scheme):
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])

    def begin(self, site, width=1280, scheme="light"):
        """A browser that was never anywhere, at the site's home."""
        self.url = site.url
        self.cdp("Network.clearBrowserCookies")
        self.cdp("Network.clearBrowserCache")
        self.resize(width)
        self.scheme(scheme)
        self.driver.get("about:blank")
        self.console(), self.requests()
        return self

    # What it did. -----------------------------------------------------------

    def console(self):
        """What pages wrote to the console since last asked, but for the
        browser's own note that a page came with 4xx."""
        return [e["message"] for e in self.driver.get_log("browser")
                if not (e["source"] == "network"
                        and e["message"].startswith(self.url or "-")
                        and "status of 4" in e["message"])]

    def events(self, *methods):
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] in methods:
                found.append(message)
        return found

    def requests(self):
        """The URLs asked for since last asked."""
        return [e["params"]["request"]["url"] for e in
                self.events("Network.requestWillBeSent")]

    def check(self):
        """No word on the console, no request elsewhere."""
        said = self.console()
        assert said == [], said
        for url in self.requests():
            assert url.startswith((self.url + "/", "about:")), url

    # What people do. --------------------------------------------------------

    def go(self, path):
        self.driver.get(path if "://" in path else self.url + path)
        return self

    @property
    def path(self):
        return self.driver.current_url.removeprefix(self.url)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector="main"):
        return self.find(selector).text

    def has(self, selector):
        return bool(self.all(selector))

    def type(self, **fields):
        for name, value in fields.items():
            field = self.find(f"#{name}")
            field.clear()
            field.send_keys(value)
        return self

    def press(self, selector="main form > p:not(.field) > button"):
        """Presses a button and waits for the page it leads to."""
        page = self.find("html")
        self.find(selector).click()
        until(lambda: self.is_gone(page), PATIENCE, "the next page")
        return self

    def is_gone(self, element):
        try:
            element.is_enabled()
            return False
        except WebDriverException:
            return True

    def key(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()
        return self

    @property
    def focused(self):
        return self.driver.switch_to.active_element

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)
