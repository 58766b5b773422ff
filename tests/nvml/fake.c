/*
 * A libnvidia-ml.so.1 that is played, for tests on machines without a GPU. Written from the NVML API Reference Manual.
 *
 * What it answers is read anew at each call from a script beside the library, LIBRARY.script, a line each:
 *
 *     gpus N                      how many GPUs there are (2)
 *     CALL CODE                   the call, or `*` for every question about a GPU, returns this nvmlReturn_t
 *     CALL hang                   the call does not come back while this line stands
 *     CALL answers N              a question that is answered by one number is answered by this one
 *     lost GPU                    that GPU has fallen off the bus
 *     process GPU PID BYTES       a process computes on that GPU
 *     grows N                     so many more processes come between the first question for them and the second
 *     rounds N                    a power limit is rounded down to a multiple of this many milliwatts
 *
 * Which calls were made is written to LIBRARY.calls, what a GPU was told last to LIBRARY.GPU.power, .clock and .memory: the limits
 * that hold until they are lifted, for whoever opens the library next. Built with -DOLD_DRIVER it lacks what drivers of before 2022 lack.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15, MOST_GPUS = 16 };

typedef int Return;
typedef struct { int index; } *Device;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } Memory2;
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char address[32]; } Pci;
typedef struct { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; } Process;

static const unsigned long long GIB = 1ull << 30;
static struct { int index; } devices[MOST_GPUS];

/* The path of a file beside the library. */
static const char *beside(const char *suffix, char *path, size_t size) {
    Dl_info here;
    dladdr((void *)beside, &here);
    snprintf(path, size, "%s.%s", here.dli_fname, suffix);
    return path;
}

static FILE *script(void) {
    char path[4096];
    return fopen(beside("script", path, sizeof path), "r");
}

/* What the script says of a word: the last line that begins with it wins. */
static int scripted(const char *wanted, char *value, size_t size) {
    char word[128], rest[128];
    int found = 0;
    FILE *lines = script();
    while (lines && fscanf(lines, "%127s %127[^\n]", word, rest) == 2)
        if (strcmp(word, wanted) == 0) {
            snprintf(value, size, "%s", rest);
            found = 1;
        }
    if (lines) fclose(lines);
    return found;
}

static unsigned number(const char *word, unsigned otherwise) {
    char value[128];
    unsigned parsed;
    return scripted(word, value, sizeof value) && sscanf(value, "%u", &parsed) == 1 ? parsed : otherwise;
}

/* Writes the call down, and does what the script says of it. */
static Return play(const char *call, int is_about_a_gpu) {
    char path[4096], line[160], value[128];
    int length = snprintf(line, sizeof line, "%s\n", call);
    int calls = open(beside("calls", path, sizeof path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (calls >= 0) {
        if (write(calls, line, length) != length) _exit(70);
        close(calls);
    }
    while (scripted(call, value, sizeof value) && strcmp(value, "hang") == 0) usleep(20000);
    unsigned code = is_about_a_gpu ? number("*", SUCCESS) : SUCCESS;
    return number(call, code);
}

#define PLAY(is_about_a_gpu)                           \
    do {                                               \
        Return code = play(__func__, is_about_a_gpu);  \
        if (code != SUCCESS) return code;              \
    } while (0)

static unsigned long long answer(const char *call, unsigned long long otherwise) {
    char value[128];
    unsigned long long parsed;
    return scripted(call, value, sizeof value) && sscanf(value, "answers %llu", &parsed) == 1 ? parsed : otherwise;
}

/* A question that is answered by one number. */
#define QUESTION(call, type, usual) \
    Return call(Device gpu, type *value) { PLAY(1); *value = (type)answer(#call, usual); (void)gpu; return SUCCESS; }

/* The file of what a GPU was told. */
static const char *note(Device gpu, const char *what, char *path, size_t size) {
    char suffix[32];
    snprintf(suffix, sizeof suffix, "%d.%s", gpu->index, what);
    return beside(suffix, path, size);
}

static unsigned told(Device gpu, const char *what, unsigned otherwise) {
    char path[4096];
    unsigned number = otherwise;
    FILE *file = fopen(note(gpu, what, path, sizeof path), "r");
    if (file && fscanf(file, "%u", &number) != 1) number = otherwise;
    if (file) fclose(file);
    return number;
}

static Return tell(Device gpu, const char *what, unsigned number) {
    char path[4096];
    FILE *file = fopen(note(gpu, what, path, sizeof path), "w");
    if (!file) _exit(70);
    fprintf(file, "%u\n", number);
    fclose(file);
    return SUCCESS;
}

static Return lift(Device gpu, const char *what) {
    char path[4096];
    unlink(note(gpu, what, path, sizeof path));
    return SUCCESS;
}

static Return text(char *buffer, unsigned size, const char *answer) {
    snprintf(buffer, size, "%s", answer);
    return SUCCESS;
}

/* ---- library ---- */

Return nvmlInit_v2(void) { PLAY(0); return SUCCESS; }
Return nvmlShutdown(void) { PLAY(0); return SUCCESS; }
const char *nvmlErrorString(Return code) { return code ? "failed" : "fine"; }
Return nvmlSystemGetDriverVersion(char *buffer, unsigned size) { PLAY(0); return text(buffer, size, "550.54.14"); }
Return nvmlSystemGetNVMLVersion(char *buffer, unsigned size) { PLAY(0); return text(buffer, size, "12.550.54.14"); }
Return nvmlSystemGetCudaDriverVersion_v2(int *version) { PLAY(0); *version = 12040; return SUCCESS; }
Return nvmlDeviceGetCount_v2(unsigned *count) { PLAY(0); *count = number("gpus", 2); return SUCCESS; }

Return nvmlDeviceGetHandleByIndex_v2(unsigned index, Device *gpu) {
    PLAY(0);
    if (index >= number("gpus", 2) || index >= MOST_GPUS) return INVALID_ARGUMENT;
    if (number("lost", MOST_GPUS) == index) return GPU_IS_LOST;
    devices[index].index = (int)index;
    *gpu = (Device)&devices[index];
    return SUCCESS;
}

Return nvmlDeviceGetHandleByUUID(const char *uuid, Device *gpu) {
    PLAY(0);
    unsigned index = 0;
    if (sscanf(uuid, "GPU-6f1b8a52-0000-4000-8000-%u", &index) != 1 || index >= number("gpus", 2)) return NOT_FOUND;
    if (number("lost", MOST_GPUS) == index) return GPU_IS_LOST;
    devices[index].index = (int)index;
    *gpu = (Device)&devices[index];
    return SUCCESS;
}

/* ---- what a GPU is: the first a card for games, the second one for servers, without fans ---- */

Return nvmlDeviceGetName(Device gpu, char *buffer, unsigned size) {
    PLAY(0);
    return text(buffer, size, gpu->index ? "NVIDIA A10" : "NVIDIA GeForce RTX 4090");
}

Return nvmlDeviceGetUUID(Device gpu, char *buffer, unsigned size) {
    PLAY(0);
    snprintf(buffer, size, "GPU-6f1b8a52-0000-4000-8000-%012d", gpu->index);
    return SUCCESS;
}

Return nvmlDeviceGetPciInfo_v3(Device gpu, Pci *pci) {
    PLAY(1);
    memset(pci, 0, sizeof *pci);
    pci->bus = 1 + (unsigned)gpu->index;
    snprintf(pci->address, sizeof pci->address, "00000000:%02X:00.0", pci->bus);
    return SUCCESS;
}

Return nvmlDeviceGetCudaComputeCapability(Device gpu, int *major, int *minor) {
    PLAY(1);
    *major = 8;
    *minor = gpu->index ? 6 : 9;
    return SUCCESS;
}

QUESTION(nvmlDeviceGetMaxPcieLinkGeneration, unsigned, 4)
QUESTION(nvmlDeviceGetMaxPcieLinkWidth, unsigned, 16)
QUESTION(nvmlDeviceGetCurrPcieLinkGeneration, unsigned, 3)
QUESTION(nvmlDeviceGetCurrPcieLinkWidth, unsigned, 8)
QUESTION(nvmlDeviceGetPowerManagementDefaultLimit, unsigned, 450000)
QUESTION(nvmlDeviceGetPowerManagementLimit, unsigned, told(gpu, "power", 300000))
QUESTION(nvmlDeviceGetEnforcedPowerLimit, unsigned, 290500)
QUESTION(nvmlDeviceGetPersistenceMode, unsigned, 1)

Return nvmlDeviceGetPowerManagementLimitConstraints(Device gpu, unsigned *min, unsigned *max) {
    PLAY(1);
    (void)gpu;
    *min = 150000;
    *max = 600000;
    return SUCCESS;
}

Return nvmlDeviceGetMaxClockInfo(Device gpu, int clock, unsigned *megahertz) {
    PLAY(1);
    (void)gpu;
    *megahertz = clock == 2 ? 10501 : 3105;
    return SUCCESS;
}

Return nvmlDeviceGetTemperatureThreshold(Device gpu, int threshold, unsigned *celsius) {
    PLAY(1);
    (void)gpu;
    switch (threshold) {
    case 0: *celsius = 100; return SUCCESS;
    case 1: *celsius = 97; return SUCCESS;
    case 3: *celsius = 84; return SUCCESS;
    default: return NOT_SUPPORTED;
    }
}

Return nvmlDeviceGetEccMode(Device gpu, int *current, int *pending) {
    PLAY(1);
    if (!gpu->index) return NOT_SUPPORTED;
    *current = *pending = 1;
    return SUCCESS;
}

Return nvmlDeviceGetMigMode(Device gpu, unsigned *current, unsigned *pending) {
    PLAY(1);
    if (!gpu->index) return NOT_SUPPORTED;
    *current = *pending = 0;
    return SUCCESS;
}

/* ---- what it does ---- */

QUESTION(nvmlDeviceGetPowerUsage, unsigned, 287500u + 1000u * (unsigned)gpu->index)
QUESTION(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, 123456789ull)
QUESTION(nvmlDeviceGetPcieReplayCounter, unsigned, 2)
QUESTION(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long, 0x4 | 0x20)

Return nvmlDeviceGetUtilizationRates(Device gpu, Utilization *share) {
    PLAY(1);
    *share = gpu->index ? (Utilization){0, 0} : (Utilization){91, 40};
    return SUCCESS;
}

Return nvmlDeviceGetMemoryInfo(Device gpu, Memory *memory) {
    PLAY(1);
    (void)gpu;
    *memory = (Memory){.total = 24 * GIB, .free = 17 * GIB, .used = 7 * GIB};
    return SUCCESS;
}

Return nvmlDeviceGetTemperature(Device gpu, int sensor, unsigned *celsius) {
    PLAY(1);
    if (sensor) return INVALID_ARGUMENT;
    *celsius = 71 - 20 * (unsigned)gpu->index;
    return SUCCESS;
}

Return nvmlDeviceGetClockInfo(Device gpu, int clock, unsigned *megahertz) {
    PLAY(1);
    (void)gpu;
    *megahertz = clock == 2 ? 10251 : 2520;
    return SUCCESS;
}

Return nvmlDeviceGetPcieThroughput(Device gpu, int counter, unsigned *kilobytes) {
    PLAY(1);
    (void)gpu;
    *kilobytes = counter ? 9200000 : 4100000;
    return SUCCESS;
}

Return nvmlDeviceGetTotalEccErrors(Device gpu, int kind, int counter, unsigned long long *errors) {
    PLAY(1);
    if (!gpu->index) return NOT_SUPPORTED;
    *errors = kind ? 0 : 3;
    return counter == 1 ? SUCCESS : INVALID_ARGUMENT;
}

Return nvmlDeviceGetNumFans(Device gpu, unsigned *count) {
    PLAY(1);
    *count = gpu->index ? 0 : 2;
    return SUCCESS;
}

Return nvmlDeviceGetFanSpeed_v2(Device gpu, unsigned fan, unsigned *percent) {
    PLAY(1);
    if (gpu->index || fan > 1) return NOT_SUPPORTED;
    *percent = 60 + fan;
    return SUCCESS;
}

/* With too small a buffer, how many there are; by the second question more may have come. */
static Return processes(Device gpu, unsigned *count, Process *list) {
    static unsigned asked;
    unsigned there = 0, room = *count, index;
    unsigned long long bytes;
    char word[128], rest[128];
    Process process = {.gpu_instance = ~0u, .compute_instance = ~0u};
    FILE *lines = script();
    while (lines && fscanf(lines, "%127s %127[^\n]", word, rest) == 2) {
        if (strcmp(word, "process") || sscanf(rest, "%u %u %llu", &index, &process.pid, &bytes) != 3) continue;
        if ((int)index != gpu->index) continue;
        process.memory = bytes;
        if (list && there < room) list[there] = process;
        there++;
    }
    if (lines) fclose(lines);
    /* Only the first time, or no list would ever be had. */
    unsigned more = list && room && asked == 0 ? number("grows", 0) : 0;
    asked += list != NULL;
    *count = there + more;
    return *count > room ? INSUFFICIENT_SIZE : SUCCESS;
}

static Return nobody(unsigned *count) {
    *count = 0;
    return SUCCESS;
}

#ifdef OLD_DRIVER

Return nvmlDeviceGetComputeRunningProcesses_v2(Device gpu, unsigned *count, Process *list) {
    PLAY(1);
    return processes(gpu, count, list);
}

Return nvmlDeviceGetGraphicsRunningProcesses_v2(Device gpu, unsigned *count, Process *list) {
    PLAY(1);
    (void)gpu, (void)list;
    return nobody(count);
}

#else

QUESTION(nvmlDeviceGetNumGpuCores, unsigned, gpu->index ? 9216u : 16384u)

Return nvmlDeviceGetMemoryInfo_v2(Device gpu, Memory2 *memory) {
    PLAY(1);
    (void)gpu;
    if (memory->version != (sizeof *memory | 2u << 24)) return INVALID_ARGUMENT;
    memory->total = 24 * GIB;
    memory->reserved = GIB;
    memory->used = 6 * GIB;
    memory->free = 17 * GIB;
    return SUCCESS;
}

Return nvmlDeviceGetComputeRunningProcesses_v3(Device gpu, unsigned *count, Process *list) {
    PLAY(1);
    return processes(gpu, count, list);
}

Return nvmlDeviceGetGraphicsRunningProcesses_v3(Device gpu, unsigned *count, Process *list) {
    PLAY(1);
    (void)gpu, (void)list;
    return nobody(count);
}

#endif

/* ---- limits ---- */

Return nvmlDeviceSetPowerManagementLimit(Device gpu, unsigned milliwatts) {
    PLAY(1);
    unsigned step = number("rounds", 1);
    if (milliwatts < 150000 || milliwatts > 600000) return INVALID_ARGUMENT;
    return tell(gpu, "power", milliwatts / step * step);
}

Return nvmlDeviceSetGpuLockedClocks(Device gpu, unsigned min, unsigned max) {
    PLAY(1);
    return min <= max ? tell(gpu, "clock", max) : INVALID_ARGUMENT;
}

Return nvmlDeviceSetMemoryLockedClocks(Device gpu, unsigned min, unsigned max) {
    PLAY(1);
    return min <= max ? tell(gpu, "memory", max) : INVALID_ARGUMENT;
}

Return nvmlDeviceResetGpuLockedClocks(Device gpu) { PLAY(1); return lift(gpu, "clock"); }
Return nvmlDeviceResetMemoryLockedClocks(Device gpu) { PLAY(1); return lift(gpu, "memory"); }

/* ---- other settings: that one of these is called at all is what tests look for ---- */

#define SETTING(call, ...) \
    Return call(__VA_ARGS__) { PLAY(1); return SUCCESS; }

SETTING(nvmlDeviceSetPersistenceMode, Device gpu, int mode)
SETTING(nvmlDeviceSetComputeMode, Device gpu, int mode)
SETTING(nvmlDeviceSetEccMode, Device gpu, int mode)
SETTING(nvmlDeviceSetMigMode, Device gpu, unsigned mode, int *status)
SETTING(nvmlDeviceSetApplicationsClocks, Device gpu, unsigned memory, unsigned graphics)
SETTING(nvmlDeviceResetApplicationsClocks, Device gpu)
SETTING(nvmlDeviceSetFanSpeed_v2, Device gpu, unsigned fan, unsigned percent)
SETTING(nvmlDeviceSetDefaultFanSpeed_v2, Device gpu, unsigned fan)
SETTING(nvmlDeviceSetTemperatureThreshold, Device gpu, int threshold, int *celsius)
SETTING(nvmlDeviceSetAccountingMode, Device gpu, int mode)
SETTING(nvmlDeviceClearEccErrorCounts, Device gpu, int counter)
SETTING(nvmlDeviceClearAccountingPids, Device gpu)
SETTING(nvmlDeviceSetCpuAffinity, Device gpu)
SETTING(nvmlDeviceClearCpuAffinity, Device gpu)
