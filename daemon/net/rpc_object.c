/* SPDX-License-Identifier: MIT */
#include "base/assert.h"
#include "net/rpc.h"
#include "net/sink.h"
#include "proto/values.h"
#include "store/obj.h"
#include "store/weak.h"

/* The protocol's name for a kind and the store's: the check has let no other through. */
static enum kind rpc_kind(const struct wire_value *name)
{
        switch (wire_kind_from_name((const char *)name->bytes, name->n)) {
        case WIRE_KIND_RECORD:
                return KIND_RECORD;
        case WIRE_KIND_ARRAY:
                return KIND_ARRAY;
        case WIRE_KIND_MAP:
                return KIND_MAP;
        case WIRE_KIND_WEAK:
                return KIND_WEAK;
        case WIRE_KIND_BLOB:
                return KIND_BLOB;
        case _WIRE_KIND_N:
        default:
                hd_unreachable();
        }
}

/* What `init` means depends on the kind; which forms it may have is checked by its type. */
static void rpc_init(struct obj_spec *spec, struct source *source, const struct wire_value *init)
{
        if (spec->kind == KIND_BLOB) {
                spec->bytes = init->bytes;
                spec->n_bytes = init->n;
        } else if (spec->kind == KIND_WEAK) {
                spec->object = source_target(init);
        } else if (init->type == WIRE_UINT) {
                spec->n_nil = (uint32_t)init->uint;
        } else if (init->type != WIRE_NIL) {
                if (spec->kind == KIND_MAP) {
                        source_init_pairs(source, init);
                } else {
                        source_init_values(source, init);
                }
                spec->init = &source->values;
        }
}

static enum rpc_outcome rpc_create(struct rpc *rpc, const struct obj_spec *spec)
{
        uint32_t handle;
        int r = obj_new(rpc->session, spec, &handle);

        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        if (handle == 0) {
                writer_nil(rpc->out);
        } else {
                writer_handle(rpc->out, handle);
        }
        return RPC_DONE;
}

enum rpc_outcome rpc_obj_new(struct rpc *rpc)
{
        const struct wire_value *name = request_option(rpc->request, OPTION_NAME);
        struct obj_spec spec = {
                .kind = rpc_kind(&rpc->request->args[0]),
                .into = rpc_into(rpc),
                .name = name ? name->bytes : NULL,
                .n_name = name ? name->n : 0,
                .if_absent = request_option(rpc->request, OPTION_IF),
                .weak = rpc_flag(rpc, OPTION_WEAK),
        };
        const struct wire_value *token = request_option(rpc->request, OPTION_TOKEN);
        struct source source;

        if (spec.weak && spec.kind != KIND_MAP) {
                return rpc_fail(rpc, ERROR_BAD_REQUEST, "obj.new: only a map may be weak");
        }
        if (token && spec.kind != KIND_WEAK) {
                return rpc_fail(rpc, ERROR_BAD_REQUEST,
                                "obj.new: a token goes with a weak reference only");
        }
        if (token) {
                spec.token = source_value(token);
        }
        rpc_init(&spec, &source, &rpc->request->args[1]);
        return rpc_create(rpc, &spec);
}

enum rpc_outcome rpc_blob_open(struct rpc *rpc)
{
        const struct wire_value *content = &rpc->request->args[0];
        struct obj_spec spec = {
                .kind = KIND_BLOB,
                .into = rpc_into(rpc),
                .bytes = content->bytes,
                .n_bytes = content->n,
        };

        return rpc_create(rpc, &spec);
}

enum rpc_outcome rpc_obj_info(struct rpc *rpc)
{
        struct obj_info info;
        int r = obj_info(rpc->session, rpc_target(rpc, 0), &info);

        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_map(rpc->out, 7);
        writer_text(rpc->out, "kind");
        writer_text(rpc->out, kind_name(info.kind));
        writer_text(rpc->out, "shape"); /* records have no shapes yet */
        writer_nil(rpc->out);
        writer_text(rpc->out, "len");
        writer_uint(rpc->out, info.length);
        writer_text(rpc->out, "bytes");
        writer_uint(rpc->out, info.n_bytes);
        writer_text(rpc->out, "version");
        writer_uint(rpc->out, info.version);
        writer_text(rpc->out, "sealed");
        writer_bool(rpc->out, info.sealed);
        writer_text(rpc->out, "weak");
        writer_bool(rpc->out, info.weak);
        return RPC_DONE;
}

enum rpc_outcome rpc_weak_get(struct rpc *rpc)
{
        struct value value;
        int r = weak_get(rpc->session, rpc_target(rpc, 0), rpc_into(rpc), &value);

        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        sink_value(rpc->out, &value);
        return RPC_DONE;
}

enum rpc_outcome rpc_obj_get(struct rpc *rpc)
{
        const struct wire_value *keys = &rpc->request->args[1];
        struct source source;
        struct sink sink;
        int r;

        source_init_values(&source, keys);
        sink_init(&sink, rpc->out);
        r = obj_get(rpc->session, rpc_target(rpc, 0),
                    keys->type == WIRE_NIL ? NULL : &source.values, &sink.values);
        return r == 0 ? RPC_DONE : rpc_refuse(rpc, r);
}

enum rpc_outcome rpc_obj_walk(struct rpc *rpc)
{
        struct source source;
        struct value value;
        int r;

        source_init_values(&source, &rpc->request->args[1]);
        r = obj_walk(rpc->session, rpc_target(rpc, 0), &source.values, rpc_into(rpc), &value);
        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        sink_value(rpc->out, &value);
        return RPC_DONE;
}

enum rpc_outcome rpc_obj_set(struct rpc *rpc)
{
        const struct wire_value *wanted = request_option(rpc->request, OPTION_IF_VERSION);
        struct source source;
        uint64_t version;
        int r;

        source_init_pairs(&source, &rpc->request->args[1]);
        r = obj_set(rpc->session, rpc_target(rpc, 0), &source.values, wanted ? &wanted->uint : NULL,
                    &version);
        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_uint(rpc->out, version);
        return RPC_DONE;
}

enum rpc_outcome rpc_obj_cas(struct rpc *rpc)
{
        struct value key = source_value(&rpc->request->args[1]);
        struct value expect = source_value(&rpc->request->args[2]);
        struct value value = source_value(&rpc->request->args[3]), current;
        bool swapped;
        int r = obj_cas(rpc->session, rpc_target(rpc, 0), &key, &expect, &value, &swapped,
                        &current);

        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        writer_array(rpc->out, 2);
        writer_bool(rpc->out, swapped);
        sink_value(rpc->out, &current);
        return RPC_DONE;
}

enum rpc_outcome rpc_obj_add(struct rpc *rpc)
{
        struct value key = source_value(&rpc->request->args[1]);
        struct value delta = source_value(&rpc->request->args[2]), sum;
        int r = obj_add(rpc->session, rpc_target(rpc, 0), &key, &delta, &sum);

        if (r != 0) {
                return rpc_refuse(rpc, r);
        }
        sink_value(rpc->out, &sum);
        return RPC_DONE;
}
