#!/bin/bash
# Asks the Thrift server on port $1 for the names of the tables: it answers once the master does. Exit code 0: healthy.
exec 3<>"/dev/tcp/127.0.0.1/${1:-9090}" || exit 1
# A frame of 26 bytes: version 1, a call, getTableNames, sequence number 1, no arguments.
printf '\0\0\0\x1a\x80\x01\0\x01\0\0\0\x0dgetTableNames\0\0\0\x01\0' >&3
# The answer: a frame, a reply (2; an exception is 3), the same name, and field 0, which is the list (field 1 is the error).
answer=$(timeout 5 head -c 32 <&3 | od -An -v -tx1 | tr -d ' \n')
[ "${answer:8:8}" = 80010002 ] && [ "${answer:58:6}" = 0f0000 ]
