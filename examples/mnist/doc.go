// Command mnist is the main job of this module from end to end: it trains a float32 network on handwritten
// digits with Gorgonia (or loads the weights of the last run), quantizes it by every method on some of the
// digits, saves and loads each result, and says what each one cost.
//
//	go run ./examples/mnist                    built-in digits, drawn from fonts: no download
//	go run ./examples/mnist -data DIR          MNIST's own files, gzipped or not
//	go run ./examples/mnist -model lenet       a convolutional network, or lenet-bn, with batch normalization
//	go run ./examples/mnist -qat               4- and 2-bit weights too, rounded and quantization-aware trained
//	go run ./examples/mnist -json              one JSON object in place of the table
//
// It leaves in the folder of -out the float weights, one file for each quantized model,
// and a picture of the digits on which float and quantized disagree. The same -seed gives the same results;
// speeds differ.
package main
