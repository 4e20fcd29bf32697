#!/bin/sh
echo "$@" | tee /srv/scripted
