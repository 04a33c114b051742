/**
 * ONNX Runtime's own builds report use, machine and models to their maker from 1.29 on, and keep a device id in the home folder, unless they find
 * this in the environment before they start. Nothing leaves this house that nobody allowed.
 */
export const noTelemetry = { ORT_DISABLE_TELEMETRY: '1' }
