// The function table of one level.
#include "kernels.h"

namespace tangshi::LEVEL {

void matmul(const PanelView&, const float*, int64_t, int64_t, float*, int64_t);
void multiply(const Product&);
void lstm_cell(const float*, const float*, int64_t, float*, float*);
void gru_cell(const float*, const float*, int64_t, float*);
void rnn_cell(const float*, const float*, int64_t, float*);
void lstm_forward(float*, const float*, int64_t, int64_t, int64_t, float*, float*);
void lstm_backward(float*, const float*, const float*, const float*, int64_t, int64_t, int64_t, float*);
void track_softmax(const float*, int64_t, int64_t, float*, float*);
void softmax(float*, int64_t, int64_t, const float*, const float*, bool);
void relu(float*, int64_t);
void add_row_sums(const float*, int64_t, int64_t, int64_t, float*);
void transpose(const float*, int64_t, int64_t, int64_t, float*, int64_t);
float max(const float*, int64_t);
void exp_weights(const float*, int64_t, float, float, float*, float*, double*);
double sum_exp(const float*, int64_t, float);
void add(float*, const float*, int64_t);
double sum_of_squares(const float*, int64_t);
void rmsprop(const Update&, float*, Decay);
void adam(const Update&, float*, float*, Decay, Decay, float, float);

#define NAME_OF(level) #level
#define NAME(level) NAME_OF(level)
extern const Kernels table;
const Kernels table = {
    .level = NAME(LEVEL),
    .matmul = matmul,
    .multiply = multiply,
    .lstm_cell = lstm_cell,
    .gru_cell = gru_cell,
    .rnn_cell = rnn_cell,
    .lstm_forward = lstm_forward,
    .lstm_backward = lstm_backward,
    .track_softmax = track_softmax,
    .softmax = softmax,
    .relu = relu,
    .add_row_sums = add_row_sums,
    .transpose = transpose,
    .max = max,
    .exp_weights = exp_weights,
    .sum_exp = sum_exp,
    .add = add,
    .sum_of_squares = sum_of_squares,
    .rmsprop = rmsprop,
    .adam = adam,
};

}  // namespace tangshi::LEVEL
