package main

import "gorgonia.org/tensor"

// architectures are in the order of the table.
var architectures = []architecture{
	{
		name: "convnet", make: convnet, size: "28×28 to 128 filters and 625 features, whole",
		draw: classes(10, 1, 28), loss: one(crossEntropy), steps: 60, rate: 1e-3,
	},
	{
		name: "MLP", make: mlp, size: "784-300-100-10, whole",
		draw: rows(classes(10, 1, 28)), loss: one(crossEntropy), steps: 300, rate: 1e-3,
	},
	{
		name: "iris", make: iris, size: "5 to 1, whole, float64",
		draw: flowers, loss: one(squared), steps: 400, rate: 1e-2, dtype: tensor.Float64,
	},
	{
		name: "logistic regression", make: logistic, size: "64 to 1, float64",
		draw: halves, loss: one(squared), steps: 300, rate: 1e-2, dtype: tensor.Float64,
	},
	{
		name: "VGG16 features", make: vgg, size: "images 32×32 for 224×224, channels a quarter",
		draw: classes(10, 3, 32), loss: one(classified), steps: 150, rate: 1e-3,
	},
	{
		name: "stacked autoencoder", make: stackedAutoencoder, size: "784-256-128-64-10, whole",
		draw: rows(classes(10, 1, 28)), loss: one(crossEntropy), steps: 300, rate: 1e-3,
	},
	{
		name: "LSTM", make: lstm, size: "12 steps, 16 features, 64 units",
		draw: waves(12, 16), loss: one(squared), steps: 300, rate: 3e-3,
	},
	{
		name: "GRU", make: gru, size: "10 steps, 16 features, 64 units",
		draw: waves(10, 16), loss: one(squared), steps: 300, rate: 3e-3,
	},
	{
		name: "ResNet18", make: resnet, size: "images 32×32 for 224×224, channels a quarter",
		draw: classes(10, 3, 32), loss: one(crossEntropy), steps: 40, rate: 1e-3,
	},
	{
		name: "two-headed residual net", make: twoHeads, size: "8×8, 3 blocks of 32 filters",
		draw: positions, loss: []lossFunc{crossEntropy, squared}, steps: 300, rate: 3e-3,
	},
	{
		name: "U-Net", make: unet, size: "images 48×48, 2 levels, channels an eighth",
		draw: objects, loss: one(squared), steps: 30, rate: 3e-3,
	},
	{
		name: "tiny-YOLO v2", make: yolo2, size: "images 64×64 for 416×416, channels a quarter",
		draw: detections(5, 20, 32), loss: one(squared), steps: 120, rate: 2e-3,
	},
	{
		name: "tiny-YOLO v3", make: yolo3, size: "images 64×64 for 416×416, channels a quarter",
		draw: detections(3, 80, 32, 16), loss: []lossFunc{squared, squared}, steps: 120, rate: 2e-3,
	},
	{
		name: "TabNet", make: tabnet, size: "16 columns, 3 steps of 16 features",
		draw: table, loss: one(crossEntropy), steps: 600, rate: 3e-3,
	},
	{
		name: "GPT block", make: gpt, size: "16 places, 64 features, 4 heads, 64 symbols",
		draw: sentences(symbols, places, true), loss: one(logits), steps: 400, rate: 3e-3,
	},
	{
		name: "charRNN step", make: charRNN, size: "64 characters, 96 units, whole",
		draw: characters, loss: one(crossEntropy), steps: 1500, rate: 3e-3,
	},
	{
		name: "VAE encoder", make: encoder, size: "784-256-16, whole",
		draw: seen, loss: []lossFunc{squared, squared}, steps: 600, rate: 1e-3,
	},
	{
		name: "VAE decoder", make: decoder, size: "16-256-784, whole",
		draw: shown, loss: one(squared), steps: 600, rate: 1e-3,
	},
	{
		name: "DQN", make: dqn, size: "8-128-128-4, whole",
		draw: states, loss: one(squared), steps: 1500, rate: 1e-3,
	},
	{
		name: "denoiser", make: denoiser, size: "images 16×16, 3 blocks of 24 filters",
		draw: noisy, loss: one(squared), steps: 200, rate: 3e-3,
	},
	{
		name: "depthwise-separable", make: separable, size: "images 32×32, 3 blocks of up to 64 filters",
		draw: classes(10, 3, 32), loss: one(crossEntropy), steps: 40, rate: 1e-3,
	},
	{
		name: "masked dense layers", make: masked, size: "64-128-128-64, whole",
		draw: pixels, loss: one(squared), steps: 1000, rate: 1e-3,
	},
	{
		name: "weight-normalised dense layers", make: normalised, size: "32-64-64-8, whole",
		draw: curves, loss: one(squared), steps: 1500, rate: 3e-3,
	},
	{
		name: "tied embedding", make: tied, size: "256 words, 5 before it, 32 features",
		draw: sentences(256, 5, false), loss: one(logits), steps: 1500, rate: 3e-3,
	},
	{
		name: "Conv1d", make: audio, size: "44,100 samples, 3 layers of up to 64 filters, whole",
		draw: sounds, loss: one(crossEntropy), steps: 40, rate: 3e-3,
	},
	{
		name: "masked attention", make: maskedAttention, size: "12 places, 32 features, one head",
		draw: following, loss: one(squared), steps: 1500, rate: 3e-3,
	},
}
