import { type ModelSignature, shapeOf } from '../../ports/inference/signature.ts'

export interface Exported {
  /** As names in a cluster are written. */
  name: string
  endpoint: string
  model: string
  version: number
  modelBytes: number
  signature: ModelSignature
  /** How many rows of the proof are in the folder; why there are none. */
  rows: { count: number } | { absent: string }
}

const mebi = 2 ** 20

/** Memory that a server of this model asks for and may take, in MiB: the runtime, and the graph in each of its threads. */
export function memoryOf({ modelBytes, signature }: Pick<Exported, 'modelBytes' | 'signature'>): {
  request: number
  limit: number
} {
  const base = shapeOf(signature).media ? 320 : 160
  const request = base + Math.ceil((3 * modelBytes) / mebi)
  return { request, limit: 2 * request }
}

export const dockerfile = (): string => `FROM node:24-slim
WORKDIR /srv
COPY package.json package-lock.json ./
# Nothing of the packages needs to run while they are installed.
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force
COPY export.json ./
COPY server server
COPY model model
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/health').then((reply) => process.exit(reply.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "server/standalone/main.js"]
`

export const dockerignore = (): string => `node_modules
parity
kubernetes
README.md
`

export function deployment(one: Exported): string {
  const { request, limit } = memoryOf(one)
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${one.name}
  labels:
    app.kubernetes.io/name: ${one.name}
    app.kubernetes.io/version: "${one.version}"
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: ${one.name}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: ${one.name}
        app.kubernetes.io/version: "${one.version}"
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "8080"
        prometheus.io/path: /metrics
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 30
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: model
          # The image that was built from this folder.
          image: ${one.name}:${one.version}
          ports:
            - name: http
              containerPort: 8080
          env:
            # Callers must send this token where the secret exists.
            - name: TOKEN
              valueFrom:
                secretKeyRef:
                  name: ${one.name}-token
                  key: token
                  optional: true
          resources:
            requests:
              cpu: 250m
              memory: ${request}Mi
            limits:
              memory: ${limit}Mi
          startupProbe:
            httpGet:
              path: /health
              port: http
            periodSeconds: 1
            failureThreshold: 60
          readinessProbe:
            httpGet:
              path: /health
              port: http
            periodSeconds: 5
          livenessProbe:
            httpGet:
              path: /health/live
              port: http
            periodSeconds: 10
            timeoutSeconds: 5
          lifecycle:
            preStop:
              # Until every proxy knows that this one goes.
              exec:
                command: ["node", "-e", "setTimeout(() => {}, 3000)"]
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: ["ALL"]
`
}

export const service = ({ name }: Exported): string => `apiVersion: v1
kind: Service
metadata:
  name: ${name}
  labels:
    app.kubernetes.io/name: ${name}
spec:
  selector:
    app.kubernetes.io/name: ${name}
  ports:
    - name: http
      port: 80
      targetPort: http
`

export const autoscaler = ({ name }: Exported): string => `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: ${name}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: ${name}
  minReplicas: 2
  maxReplicas: 10
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: 70
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 300
`

export const kustomization = (): string => `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - deployment.yaml
  - service.yaml
  - hpa.yaml
`
