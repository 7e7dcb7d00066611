#include "peer.h"

#include <omp.h>
#include <string.h>

#if DNNL_VERSION_MAJOR != 2
#error "written for the C API of oneDNN 2: output scales, memory descriptors as values"
#endif

#define TRY(call) \
	do { \
		dnnl_status_t status_ = (call); \
		if (status_ != dnnl_success) return status_; \
	} while (0)

enum { SOURCE, WEIGHTS, DESTINATION };

// OpenMP counts threads per calling thread, and a goroutine may call from any: set before each call.
static dnnl_status_t begin(peer *p, int threads) {
	memset(p, 0, sizeof *p);
	p->threads = threads;
	omp_set_num_threads(threads);
	TRY(dnnl_engine_create(&p->engine, dnnl_cpu, 0));
	return dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags);
}

// hold allocates memory i and fills it: pages that nothing wrote to all map to one page of zeros.
static dnnl_status_t hold(peer *p, int i, int arg, const dnnl_memory_desc_t *md, const void *data) {
	TRY(dnnl_memory_create(&p->memory[i], md, p->engine, DNNL_MEMORY_ALLOCATE));
	void *handle;
	TRY(dnnl_memory_get_data_handle(p->memory[i], &handle));
	size_t size = dnnl_memory_desc_get_size(md);
	if (data)
		memcpy(handle, data, size);
	else
		memset(handle, 1, size);
	p->args[p->count].arg = arg;
	p->args[p->count++].memory = p->memory[i];
	return dnnl_success;
}

// reorder copies plain data into memory i, whatever its layout.
static dnnl_status_t reorder(peer *p, int i, const dnnl_memory_desc_t *plain, const void *data) {
	const dnnl_memory_desc_t *md;
	TRY(dnnl_memory_get_memory_desc(p->memory[i], &md));
	dnnl_memory_t from = NULL;
	dnnl_primitive_desc_t desc = NULL;
	dnnl_primitive_t primitive = NULL;
	dnnl_status_t status = dnnl_memory_create(&from, plain, p->engine, (void *)data);
	if (status == dnnl_success) status = dnnl_reorder_primitive_desc_create(&desc, plain, p->engine, md, p->engine, NULL);
	if (status == dnnl_success) status = dnnl_primitive_create(&primitive, desc);
	dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, p->memory[i]}};
	if (status == dnnl_success) status = dnnl_primitive_execute(primitive, p->stream, 2, args);
	if (status == dnnl_success) status = dnnl_stream_wait(p->stream);
	dnnl_primitive_destroy(primitive);
	dnnl_primitive_desc_destroy(desc);
	dnnl_memory_destroy(from);
	return status;
}

dnnl_status_t peer_matmul(peer *p, int threads, dnnl_dim_t m, dnnl_dim_t k, dnnl_dim_t n, dnnl_data_type_t src_type,
	const void *src, dnnl_data_type_t weights_type, const void *weights, const float *scales) {
	TRY(begin(p, threads));
	dnnl_dims_t src_dims = {m, k}, weights_dims = {k, n}, dst_dims = {m, n};
	dnnl_memory_desc_t src_md, weights_md, plain_md, dst_md;
	TRY(dnnl_memory_desc_init_by_tag(&src_md, 2, src_dims, src_type, dnnl_ab));
	TRY(dnnl_memory_desc_init_by_tag(&weights_md, 2, weights_dims, weights_type, dnnl_format_tag_any));
	TRY(dnnl_memory_desc_init_by_tag(&plain_md, 2, weights_dims, weights_type, dnnl_ab));
	TRY(dnnl_memory_desc_init_by_tag(&dst_md, 2, dst_dims, dnnl_f32, dnnl_ab));
	dnnl_matmul_desc_t op;
	TRY(dnnl_matmul_desc_init(&op, &src_md, &weights_md, NULL, &dst_md));
	dnnl_primitive_attr_t attr;
	TRY(dnnl_primitive_attr_create(&attr));
	dnnl_status_t status = dnnl_success;
	const int by_column = 1 << 1;
	if (scales) status = dnnl_primitive_attr_set_output_scales(attr, n, by_column, scales);
	if (status == dnnl_success) status = dnnl_primitive_desc_create(&p->desc, &op, attr, p->engine, NULL);
	dnnl_primitive_attr_destroy(attr);
	TRY(status);
	TRY(dnnl_primitive_create(&p->primitive, p->desc));
	TRY(hold(p, SOURCE, DNNL_ARG_SRC, &src_md, src));
	TRY(hold(p, WEIGHTS, DNNL_ARG_WEIGHTS, dnnl_primitive_desc_query_md(p->desc, dnnl_query_weights_md, 0), NULL));
	TRY(reorder(p, WEIGHTS, &plain_md, weights));
	return hold(p, DESTINATION, DNNL_ARG_DST, &dst_md, NULL);
}

dnnl_status_t peer_convert(peer *p, int threads, dnnl_dim_t count, dnnl_data_type_t src_type, const void *src, int32_t src_zero,
	dnnl_data_type_t dst_type, int32_t dst_zero, float scale) {
	TRY(begin(p, threads));
	dnnl_dims_t dims = {count};
	dnnl_memory_desc_t src_md, dst_md;
	TRY(dnnl_memory_desc_init_by_tag(&src_md, 1, dims, src_type, dnnl_a));
	TRY(dnnl_memory_desc_init_by_tag(&dst_md, 1, dims, dst_type, dnnl_a));
	dnnl_primitive_attr_t attr;
	TRY(dnnl_primitive_attr_create(&attr));
	dnnl_status_t status = dnnl_primitive_attr_set_output_scales(attr, 1, 0, &scale);
	if (status == dnnl_success && src_zero) status = dnnl_primitive_attr_set_zero_points(attr, DNNL_ARG_SRC, 1, 0, &src_zero);
	if (status == dnnl_success && dst_zero) status = dnnl_primitive_attr_set_zero_points(attr, DNNL_ARG_DST, 1, 0, &dst_zero);
	if (status == dnnl_success)
		status = dnnl_reorder_primitive_desc_create(&p->desc, &src_md, p->engine, &dst_md, p->engine, attr);
	dnnl_primitive_attr_destroy(attr);
	TRY(status);
	TRY(dnnl_primitive_create(&p->primitive, p->desc));
	TRY(hold(p, SOURCE, DNNL_ARG_FROM, &src_md, src));
	return hold(p, DESTINATION, DNNL_ARG_TO, &dst_md, NULL);
}

dnnl_status_t peer_run(peer *p) {
	omp_set_num_threads(p->threads);
	TRY(dnnl_primitive_execute(p->primitive, p->stream, p->count, p->args));
	return dnnl_stream_wait(p->stream);
}

void *peer_output(peer *p) {
	void *handle = NULL;
	dnnl_memory_get_data_handle(p->memory[DESTINATION], &handle);
	return handle;
}

const char *peer_kernel(peer *p) {
	const char *name = "";
	dnnl_primitive_desc_query(p->desc, dnnl_query_impl_info_str, 0, &name);
	return name;
}

void peer_free(peer *p) {
	for (int i = 0; i < 3; i++)
		if (p->memory[i]) dnnl_memory_destroy(p->memory[i]);
	if (p->primitive) dnnl_primitive_destroy(p->primitive);
	if (p->desc) dnnl_primitive_desc_destroy(p->desc);
	if (p->stream) dnnl_stream_destroy(p->stream);
	if (p->engine) dnnl_engine_destroy(p->engine);
}
