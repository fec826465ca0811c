// Umbrella of the C shims: system calls that the Glibc module does not offer, and atomics on mapped memory.
// Nothing here decides anything; policy belongs to the Swift targets that import it.
#pragma once
#include "atomics.h"
#include "descriptors.h"
#include "mapping.h"
#include "polling.h"
#include "processes.h"
#include "ring.h"
#include "sockets.h"
