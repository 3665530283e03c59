/**
 * Which earlier rules may take all that a rule could match. One that names something takes only what a later
 * one names as well, or something within that: so each is filed under one of its fields, as for requests, and
 * found by what the later one has there.
 */
