/* container: what the kernel grants this process: processors by affinity and quota, memory by
 * limit.  Read from /proc and the control groups (versions 1 and 2).  Floor: backends. */
#ifndef RT_BACKENDS_CPU_CONTAINER_H
#define RT_BACKENDS_CPU_CONTAINER_H
#include <stdint.h>

int rt_container_cpus(void);          /* at least 1: the lesser of the next two */
int rt_container_affinity(void);      /* processors this process may run on */
double rt_container_quota(void);      /* processors' worth of time; 0: no quota */
uint64_t rt_container_memory(void);   /* bytes: the lesser of limit and physical memory */
#endif
