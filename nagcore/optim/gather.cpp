// The addresses of the elements of many tensors, found in one call.
//
// A loop over raw memory must not be handed a tensor that has gaps, lies elsewhere or has another
// type or size than its neighbours. torch's interface for C tells all of this without a call into
// Python; it takes a handle, which points to the address that Python knows as `Tensor._cdata`.

#include <cstdint>
#include <cstring>

using Handle = void* const*;

namespace {

struct Torch {
  int32_t (*device_type)(Handle, int32_t*);
  int32_t (*device_index)(Handle, int32_t*);
  int32_t (*layout)(Handle, int32_t*);
  int32_t (*dtype)(Handle, int32_t*);
  int32_t (*numel)(Handle, int64_t*);
  int32_t (*data_ptr)(Handle, void**);
  int32_t (*is_contiguous)(Handle, bool*);
  int32_t (*dim)(Handle, int64_t*);
  int32_t (*sizes)(Handle, const int64_t**);
  int32_t (*strides)(Handle, const int64_t**);
} torch;

struct Expected {
  int64_t device_type, device_index, layout, dtype, bytes;
  int32_t (*item)(Handle, void*);  // reads the only element of a tensor
};

bool is_plain(Handle tensor, const Expected& expected) {
  int32_t device_type, device_index, layout, dtype;
  return !torch.layout(tensor, &layout) && layout == expected.layout &&
         !torch.device_type(tensor, &device_type) && device_type == expected.device_type &&
         !torch.device_index(tensor, &device_index) && device_index == expected.device_index &&
         !torch.dtype(tensor, &dtype) && dtype == expected.dtype;
}

bool is_contiguous(Handle tensor) {
  bool contiguous;
  return !torch.is_contiguous(tensor, &contiguous) && contiguous;
}

// Whether two tensors have the same sizes and strides, and no gaps.
bool same_dense_layout(Handle first, Handle second) {
  int64_t dims, other_dims;
  const int64_t *sizes, *strides, *other_sizes, *other_strides;
  if (torch.dim(first, &dims) || torch.sizes(first, &sizes) || torch.strides(first, &strides) ||
      torch.dim(second, &other_dims) || torch.sizes(second, &other_sizes) ||
      torch.strides(second, &other_strides) || dims != other_dims)
    return false;
  int64_t wide = 0;  // dimensions with more than one element: the strides of others mean nothing
  for (int64_t d = 0; d < dims; ++d) {
    if (sizes[d] != other_sizes[d]) return false;
    if (sizes[d] > 1 && strides[d] != other_strides[d]) return false;
    wide += sizes[d] > 1;
  }
  int64_t span = 1;  // how many elements the dimensions found so far fill without a gap
  for (; wide; --wide) {
    int64_t d = 0;
    while (d < dims && !(sizes[d] > 1 && strides[d] == span)) ++d;
    if (d == dims) return false;
    span *= sizes[d];
  }
  return true;
}

// An imaginary part may be stored with the other sign. It has gaps, and is known by them, unless
// it is one element: then its value as torch reads it is compared with what is in memory.
bool is_stored_as_read(Handle tensor, void* data, const Expected& expected) {
  unsigned char value[8];
  return !expected.item(tensor, value) && !std::memcmp(value, data, expected.bytes);
}

// After a step over much memory, what torch knows of the tensors is no longer in the cache.
void prefetch(int64_t roles, int64_t tensors, void* const* cdata, int64_t k) {
  if (k >= tensors) return;
  for (int64_t role = 0; role < roles; ++role) {
    const char* const tensor = static_cast<const char*>(cdata[role * tensors + k]);
    for (int line = 0; line < 4; ++line) __builtin_prefetch(tensor + 64 * line);
  }
}

}  // namespace

extern "C" void connect(void* const* functions) { std::memcpy(&torch, functions, sizeof torch); }

// Replace the tensors' `_cdata`, all of the first role, then all of the second and so on, by the
// addresses of their elements, and write the numbers of elements of the first role's tensors to
// `counts`. Return 0, and leave nothing of use, unless each tensor is as expected and tensors at
// the same place in different roles have their elements in the same order, without gaps.
extern "C" int32_t gather(const Expected* expected, int roles, int tensors, void** cdata,
                          int64_t* counts) {
  for (int64_t k = 0; k < tensors; ++k) {
    prefetch(roles, tensors, cdata, k + 4);
    void* const first = cdata[k];
    if (!is_plain(&first, *expected) || torch.numel(&first, &counts[k])) return 0;
    const bool contiguous = is_contiguous(&first);
    for (int64_t role = 0; role < roles; ++role) {
      void* const tensor = cdata[role * tensors + k];
      int64_t count;
      void* data;
      if (!is_plain(&tensor, *expected) || torch.numel(&tensor, &count) || count != counts[k])
        return 0;
      if (contiguous ? !is_contiguous(&tensor) : !same_dense_layout(&first, &tensor)) return 0;
      if (torch.data_ptr(&tensor, &data)) return 0;
      if (count == 1 && expected->item && !is_stored_as_read(&tensor, data, *expected)) return 0;
      cdata[role * tensors + k] = data;
    }
  }
  return 1;
}
