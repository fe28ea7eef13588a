# SPDX-License-Identifier: ISC
"""Story: things that happen at the same time."""

import random
import time
from collections import Counter

from client import at_once, granted, next_address, refused

GOOD = "a long enough secret"


def test_twenty_registrations_of_one_address(site):
    email = next_address("racer")
    spellings = ["".join(random.choice([c.upper(), c]) for c in email)
                 for _ in range(20)]
    clients = [site.client() for _ in spellings]
    answers = at_once(
        lambda c=c, e=e: c.post("/auth/register", {"email": e,
                                                   "password": GOOD})
        for c, e in zip(clients, spellings))
    assert Counter(a.status_code for a in answers) == {201: 1, 409: 19}
    for answer in answers:
        if answer.status_code == 409:
            refused(answer, 409, "Email already registered")
    site.settle_mail()
    mails = site.sink.to(email)
    assert len(mails) == 1
    granted(site.client().post("/auth/verify-email",
                               {"token": mails[0].token}),
            "Email verified successfully! You can now login.")
    granted(site.client().post("/auth/login", {
        "email": email, "password": GOOD}), "Login successful")


def test_ten_verifications_at_once_are_all_well(site):
    account = site.unverified()
    clients = [site.client() for _ in range(10)]
    answers = at_once(lambda c=c: c.post("/auth/verify-email", {
        "token": account.verification}) for c in clients)
    assert Counter(a.json()["message"] for a in answers) == {
        "Email verified successfully! You can now login.": 1,
        "Email already verified": 9}


def test_a_login_that_races_a_reset_leaves_no_session(open_site):
    site, account = open_site, open_site.account()
    raced = Counter()
    for n in range(20):
        token, new = account.reset_token(), f"new secret number {n}"

        def reset(token=token, new=new):
            time.sleep(random.uniform(0, 0.04))
            return site.client().post("/auth/reset-password", {
                "token": token, "new_password": new})

        def login():
            time.sleep(random.uniform(0, 0.06))
            return site.client().post("/auth/login", account.credentials())
        done, *logins = at_once([reset] + [login] * 4)
        granted(done, "Password reset successful")
        for answer in logins:
            raced[answer.status_code] += 1
            if answer.status_code == 200:
                tokens = answer.json()
                refused(site.client().post(
                    "/auth/refresh", token=tokens["refresh_token"]), 401)
                refused(site.client().post(
                    "/auth/logout", token=tokens["access_token"]), 401)
            else:
                refused(answer, 401, "Invalid credentials")
        account.password = new
        account.login()
    assert set(raced) == {200, 401}, f"the race was none: {raced}"


def test_a_refresh_that_races_a_reset_leaves_no_session(open_site):
    site, account = open_site, open_site.account()
    for n in range(5):
        token, new = account.reset_token(), f"new secret number {n}"
        refresh_token = account.login()["refresh_token"]

        def refresh(refresh_token=refresh_token):
            time.sleep(random.uniform(0, 0.06))
            return site.client().post("/auth/refresh", token=refresh_token)
        done, *answers = at_once(
            [lambda: site.client().post("/auth/reset-password", {
                "token": token, "new_password": new})] + [refresh] * 6)
        granted(done, "Password reset successful")
        for answer in answers:
            if answer.status_code == 200:
                body = answer.json()
                refused(site.client().post(
                    "/auth/refresh", token=body["refresh_token"]), 401)
                refused(site.client().post(
                    "/auth/logout", token=body["access_token"]), 401)
        account.password = new


def test_ten_logouts_at_once_end_one_session(site, account):
    tokens = account.login()
    clients = [site.client() for _ in range(10)]
    answers = at_once(lambda c=c: c.post("/auth/logout",
                                         token=tokens["access_token"])
                      for c in clients)
    assert {a.status_code for a in answers} <= {200, 401}
    assert 200 in {a.status_code for a in answers}
    refused(site.client().post("/auth/refresh",
                               token=tokens["refresh_token"]), 401)
