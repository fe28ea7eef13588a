/* SPDX-License-Identifier: ISC
 *
 * What a page does better with a script; without, everything works too.  It
 * asks no server, and text goes into the page as text only.  The words stand
 * in the body's data attributes, in the page's language. */
"use strict";

const words = document.body.dataset;

/* Fields: what is wrong with one, said beside it. */

function fault(input) {
	const email = input.type === "email";
	const value = email ? input.value.trim() : input.value;

	if (value === "")
		return input.dataset.missing ||
			(email ? words.noEmail : words.noPassword);
	if (email)
		return /^[^\s@]+@[^\s@]+$/.test(value) ? "" : words.email;
	if (input.autocomplete === "new-password" && [...value].length < 8)
		return words.short;
	return "";
}

function describe(input, id, on) {
	const ids = (input.getAttribute("aria-describedby") || "").split(" ")
		.filter((one) => one !== "" && one !== id);

	if (on)
		ids.unshift(id);
	if (ids.length > 0)
		input.setAttribute("aria-describedby", ids.join(" "));
	else
		input.removeAttribute("aria-describedby");
}

function tell(input, what) {
	const id = input.id + "-error";
	let note = document.getElementById(id);

	describe(input, id, what !== "");
	if (what === "") {
		input.removeAttribute("aria-invalid");
		if (note)
			note.remove();
		return;
	}
	if (!note) {
		note = document.createElement("span");
		note.id = id;
		note.className = "wrong";
		(input.closest(".secret") || input).after(note);
	}
	note.textContent = what;
	input.setAttribute("aria-invalid", "true");
}

function watch(input) {
	/* Not at once: a button must not move away under the click that made
	 * the field lose its focus. */
	input.addEventListener("blur", () => setTimeout(() => {
		if (input.value !== "" && fault(input) !== "")
			tell(input, fault(input));
	}, 300));
	input.addEventListener("input", () => {
		if (input.hasAttribute("aria-invalid") && fault(input) === "")
			tell(input, "");
	});
}

/* Passwords: a button that shows what was typed. */

function show(input, button, on) {
	input.type = on ? "text" : "password";
	button.textContent = on ? words.hide : words.show;
	/* A page may have two of these (WCAG 2.5.3 wants what is seen first). */
	button.setAttribute("aria-label",
		button.textContent + ": " + input.labels[0].textContent);
}

function addShow(input) {
	const box = document.createElement("span");
	const button = document.createElement("button");
	const status = document.createElement("span");

	box.className = "secret";
	button.type = "button";
	button.setAttribute("aria-controls", input.id);
	status.className = "unseen";
	status.setAttribute("role", "status");
	input.setAttribute("autocapitalize", "none");
	input.spellcheck = false;
	input.before(box);
	box.append(input, button, status);
	show(input, button, false);
	button.addEventListener("click", () => {
		show(input, button, input.type === "password");
		status.textContent =
			input.type === "text" ? words.shown : words.hidden;
	});
	/* Browsers remember what is typed into plain fields. */
	input.form.addEventListener("submit", () => show(input, button, false));
}

/* Forms: sent once, and only when nothing is wrong that can be seen here. */

function release(form) {
	for (const button of form.querySelectorAll("[data-said]")) {
		button.textContent = button.dataset.said;
		delete button.dataset.said;
		button.removeAttribute("aria-disabled");
	}
	delete form.dataset.busy;
}

function work(form, button) {
	form.dataset.busy = "1";
	button.dataset.said = button.textContent;
	button.textContent = words.working;
	button.setAttribute("aria-disabled", "true");
	/* Whoever stopped the loading may try again. */
	setTimeout(() => release(form), 10000);
}

function watchForm(form) {
	const inputs = [...form.querySelectorAll(".field input")];

	form.noValidate = true;
	for (const input of inputs)
		watch(input);
	form.addEventListener("submit", (event) => {
		if (form.dataset.busy) {
			event.preventDefault();
			return;
		}
		for (const input of inputs)
			tell(input, fault(input));
		const wrong = inputs.find((one) => fault(one) !== "");
		if (wrong) {
			event.preventDefault();
			wrong.focus();
			return;
		}
		/* Not disabled: a disabled button would not be sent along. */
		work(form, event.submitter || form.querySelector("button:not([type])"));
	});
	addEventListener("pageshow", () => release(form));
}

/* Times: in the zone of whoever looks, and as the browser's language of the
 * page's kind writes them. */

function localise(time) {
	const page = document.documentElement.lang;
	const locale = navigator.languages.find(
		(one) => one.split("-")[0] === page) || page;

	time.textContent = new Date(time.dateTime).toLocaleString(locale,
		{ dateStyle: "long", timeStyle: "short" });
}

/* "Back" takes a page out of memory, no-store or not; one with an account in
 * it may be the page of somebody who has signed out since. */
addEventListener("pageshow", (event) => {
	if (event.persisted && document.querySelector("[data-private]"))
		location.reload();
});

for (const input of document.querySelectorAll(".field input[type=password]"))
	addShow(input);
for (const form of document.forms)
	watchForm(form);
for (const time of document.querySelectorAll("time"))
	localise(time);
const first = document.querySelector("[aria-invalid=true]");
if (first)
	first.focus();
