"""Tests the promises about reliability by breaking things: `make torture` prints one table and stores it."""
