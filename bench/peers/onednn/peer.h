// One oneDNN primitive with its memories: what the Go side of this package holds.
#ifndef EURYALE_PEERS_ONEDNN_H
#define EURYALE_PEERS_ONEDNN_H

#include <oneapi/dnnl/dnnl.h>

typedef struct {
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	dnnl_primitive_desc_t desc;
	dnnl_primitive_t primitive;
	dnnl_memory_t memory[3]; // source, weights (none for a reorder), destination
	dnnl_exec_arg_t args[3];
	int count;
	int threads;
} peer;

// peer_matmul makes dst = scales ∘ (src · weights): src is m×k, weights k×n, both copied, weights into the layout that
// oneDNN likes best. scales has n elements or is NULL.
dnnl_status_t peer_matmul(peer *p, int threads, dnnl_dim_t m, dnnl_dim_t k, dnnl_dim_t n, dnnl_data_type_t src_type,
	const void *src, dnnl_data_type_t weights_type, const void *weights, const float *scales);

// peer_convert makes dst = scale·(src − src_zero) + dst_zero for count elements, rounded and saturated where dst is of integers.
dnnl_status_t peer_convert(peer *p, int threads, dnnl_dim_t count, dnnl_data_type_t src_type, const void *src, int32_t src_zero,
	dnnl_data_type_t dst_type, int32_t dst_zero, float scale);

// peer_run executes once and waits.
dnnl_status_t peer_run(peer *p);

// peer_output returns where dst lies.
void *peer_output(peer *p);

// peer_kernel returns oneDNN's name of the code that runs.
const char *peer_kernel(peer *p);

// peer_free frees what p holds; p may be half made.
void peer_free(peer *p);

#endif
